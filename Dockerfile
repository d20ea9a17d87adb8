# syntax=docker/dockerfile:1

FROM python:3.13-slim AS build
WORKDIR /src
# Nothing is installed but files whose hashes are listed.
COPY deploy/docker ./deploy/docker
RUN python -m venv /opt/build \
  && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
       --requirement deploy/docker/build-requirements.txt
# pip compiles the modules while it installs them: at run time nothing needs to be written.
RUN python -m venv /opt/busylight \
  && /opt/busylight/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
       --requirement deploy/docker/requirements.txt
COPY pyproject.toml setup.py README.md LICENSE ./
COPY busylight ./busylight
COPY firmware_bridge ./firmware_bridge
RUN /opt/build/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps \
       --no-build-isolation --wheel-dir /wheels . \
  && /opt/busylight/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /wheels/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="busylight-presence" \
      org.opencontainers.image.description="Shows a person's Microsoft Teams presence on a light, truthfully" \
      org.opencontainers.image.source="https://github.com/busylight/busylight-presence" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/busylight /opt/busylight
# A number, so that Kubernetes can see that it is not root; a group by number may be added for a
# serial port (docker run --group-add).
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/busylight
ENV PATH=/opt/busylight/bin:$PATH \
    STATE_DIRECTORY=/var/lib/busylight
VOLUME /var/lib/busylight
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["busylight"]
CMD ["run"]
