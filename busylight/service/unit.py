"""The unit of systemd."""

from pathlib import Path
from typing import Final

_UNIT: Final = """\
# Busylight: shows a person's Microsoft Teams presence on a light.
# Put there by `busylight service install`; what you add with `systemctl edit` stays.

[Unit]
Description=Busylight{of_which}
Documentation=https://github.com/busylight/busylight-presence
# It waits for no network: until there is one the light says "not known". And it never gives up.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
# The program reads the file itself: EnvironmentFile= would read its backslashes in another way.
ExecStart={program} run --env-file {settings}
# After a crash: lamps that cannot notice that their host is gone show "not known". A stop in order
# has shown what BUSYLIGHT_ON_EXIT says.
ExecStopPost=/bin/sh -c '[ "$SERVICE_RESULT" = success ] || \
    exec {program} test-light --leave unknown --env-file {settings}'
Restart=always
RestartSec=5
# Faulty settings do not mend themselves.
RestartPreventExitStatus=78
# It says every ten seconds that it goes on; a loop that is blocked it ends by itself within 25.
WatchdogSec=30
TimeoutStopSec=20

User=busylight
StateDirectory=busylight
StateDirectoryMode=0700
UMask=0077

# It may use serial ports, USB lights and GPIO pins, and the network; it sees little else.
DevicePolicy=closed
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-hidraw rw
DeviceAllow=char-usb_device rw
DeviceAllow=char-gpiochip rw
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateIPC=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RemoveIPC=yes
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
LimitCORE=0

[Install]
WantedBy=multi-user.target
"""


def unit(program: Path, settings: Path) -> str:
    """The unit that runs `program` with the settings in that file; `%i` makes it a template."""
    of_which = " (%i)" if "%i" in str(settings) else ""
    return _UNIT.format(of_which=of_which, program=program, settings=settings)
