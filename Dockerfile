# Any Debian with Python 3.13 as `python`, and its module venv; the tests name one of their own.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
# Nothing is installed but files whose hashes are listed.
COPY deploy/docker ./deploy/docker
RUN python -m venv /opt/build \
  && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
       --requirement deploy/docker/build-requirements.txt
# The build's pip installs it: the image has none of its own.
RUN python -m venv --without-pip /opt/busylight \
  && /opt/build/bin/pip --python /opt/busylight/bin/python install --no-cache-dir --no-compile \
       --disable-pip-version-check --require-hashes --requirement deploy/docker/requirements.txt
# What only compilers, type checkers and pip read; cryptography needs of cffi its backend alone, and
# nobody the pydantic of before.
RUN cd /opt/busylight/lib/python3.*/site-packages \
  && rm -r cffi pycparser pydantic/v1 \
  && find . \( -name '*.pyi' -o -name '*.[ch]' -o -name RECORD \) -delete
# 3 MB of names that nobody reads.
RUN command -v strip > /dev/null \
  || (apt-get update && apt-get install --yes --no-install-recommends binutils)
RUN strip --strip-unneeded \
  /opt/busylight/lib/python3.*/site-packages/cryptography/hazmat/bindings/_rust.abi3.so
COPY pyproject.toml setup.py README.md LICENSE ./
COPY busylight ./busylight
COPY firmware_bridge ./firmware_bridge
# There is no git here to ask which build this is: whoever builds may say it.
ARG SOURCE_COMMIT=
ARG RELEASE=
RUN /opt/build/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps \
       --no-build-isolation --wheel-dir /wheels . \
  && /opt/build/bin/pip --python /opt/busylight/bin/python install --no-cache-dir --no-compile \
       --disable-pip-version-check --no-deps /wheels/*.whl
# What the program loads is compiled now, Python's own modules too, which the base has as text
# alone: at run time nothing can be written. All else would only make the image larger. What is
# compiled is known by the time of its text, of which an image keeps whole seconds.
ENV PYTHONPYCACHEPREFIX=/opt/busylight/pycache
RUN find /opt/busylight -exec touch --no-dereference --date=2026-01-01T00:00Z {} + \
  && /opt/busylight/bin/python deploy/docker/load_everything.py

FROM ${BASE}
LABEL org.opencontainers.image.title="busylight-presence" \
      org.opencontainers.image.description="Shows a person's Microsoft Teams presence on a light, truthfully" \
      org.opencontainers.image.source="https://github.com/busylight/busylight-presence" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/busylight /opt/busylight
# A number, so that Kubernetes can see that it is not root; a group by number may be added for a
# serial port (docker run --group-add).
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/busylight
ENV PATH=/opt/busylight/bin:$PATH \
    PYTHONPYCACHEPREFIX=/opt/busylight/pycache \
    STATE_DIRECTORY=/var/lib/busylight
VOLUME /var/lib/busylight
USER 10001:10001
STOPSIGNAL SIGTERM
# The program itself is asked, by its socket in the state directory.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["busylight", "health"]
ENTRYPOINT ["busylight"]
CMD ["run"]
