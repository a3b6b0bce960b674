#!/usr/bin/env python3
"""A device behind the remote-device protocol (docs/remote-protocol.md): the least that `vscsi remote check` accepts.

Its registers are two arrays of bytes with a mask that says which bits can be written: the configuration space of a
virtio-scsi function, and its BAR 0. Nothing is behind them. To attach a device of your own, put its register accesses
into `read_register` and `write_register`, its memory or DMA beside them, and tell of it in HELLO.

    vscsi remote check --backend 'python3 examples/remote/device.py'
"""
import json
import sys

MOST_LINE_BYTES = 256 * 1024
BAR_SIZE = 4096
HELLO = {
    "version": 1,
    "name": "example",
    "device_version": "1.0",
    "bars": {"0": BAR_SIZE},
    "line": True,
    "controls": ["power-cycle"],
    "units": [],
}
# Structures in BAR 0: what each capability says, and what is laid out there.
COMMON, NOTIFY, ISR, DEVICE = 0x000, 0x100, 0x200, 0x300
NUM_QUEUES, DEVICE_STATUS = COMMON + 0x12, COMMON + 0x14


class Refused(Exception):
    """Why a request cannot be carried out."""


class Space:
    """Registers: bytes, and which of their bits can be written."""

    def __init__(self, size):
        self.bytes = bytearray(size)
        self.writable = bytearray(size)

    def put(self, offset, value, width, writable=0):
        self.bytes[offset : offset + width] = value.to_bytes(width, "little")
        self.writable[offset : offset + width] = writable.to_bytes(width, "little")


def capability(config, at, following, kind, offset, length):
    """A virtio_pci_cap; that of NOTIFY_CFG and PCI_CFG has 4 bytes more."""
    size = 20 if kind in (2, 5) else 16
    for i, byte in enumerate([9, following, size, kind, 0, 0, 0, 0]):
        config.put(at + i, byte, 1)
    config.put(at + 8, offset, 4)
    config.put(at + 12, length, 4)


def powered_on():
    """Registers as they are after power was switched on, and after firmware has assigned the BAR."""
    config, bar0 = Space(4096), Space(BAR_SIZE)
    config.put(0x00, 0x1AF4, 2)  # vendor
    config.put(0x02, 0x1048, 2)  # device: virtio-scsi of virtio 1.x
    config.put(0x04, 0, 2, 0x0407)  # command: memory, I/O, bus mastering, INTx disable
    config.put(0x06, 0x0010, 2)  # status: there is a capability list
    config.put(0x08, 0x01, 1)  # revision
    config.put(0x0B, 0x01, 1)  # class: mass storage
    config.put(0x10, 0xFEB00000, 4, 0xFFFFFFFF & -BAR_SIZE)  # BAR 0: memory, 32 bits
    config.put(0x2C, 0x1AF4, 2)  # subsystem vendor
    config.put(0x2E, 0x0040, 2)  # subsystem
    config.put(0x34, 0x40, 1)  # first capability
    config.put(0x3D, 1, 1)  # interrupt pin A
    capability(config, 0x40, 0x50, 1, COMMON, 0x38)
    capability(config, 0x50, 0x64, 2, NOTIFY, 0x10)
    capability(config, 0x64, 0x74, 3, ISR, 1)
    capability(config, 0x74, 0x84, 4, DEVICE, 36)
    capability(config, 0x84, 0, 5, 0, 0)
    bar0.put(NUM_QUEUES, 3, 2)
    bar0.put(DEVICE_STATUS, 0, 1, 0xFF)
    bar0.put(DEVICE, 1, 4)  # request queues
    return {"config": config, "bar0": bar0}


class Device:
    def __init__(self):
        self.spaces = None  # no hello yet

    def answer(self, request):
        if not isinstance(request, dict):
            raise Refused("a request is an object")
        op = request.get("op")
        if op == "hello":
            return self.hello(request)
        if self.spaces is None:
            raise Refused("nobody has said hello")
        if op == "read":
            return {"value": self.read_register(*self.place(request))}
        if op == "write":
            value = request.get("value")
            if type(value) is not int or not 0 <= value < 1 << 32:
                raise Refused("value is a number of 32 bits")
            self.write_register(*self.place(request), value)
            return {}
        if op == "line":
            return {"asserted": False}
        if op in ("poll", "settle"):
            return {}
        if op == "control":
            if request.get("control") != {"name": "power-cycle"}:
                raise Refused("power-cycle is all that is offered")
            self.spaces = powered_on()
            return {}
        raise Refused("there is no such op")

    def hello(self, request):
        if request.get("version") != 1:
            raise Refused("version 1 is spoken here")
        if request.get("transport") != "pci":
            raise Refused("this device is reached by pci")
        self.spaces = powered_on()
        return HELLO

    def place(self, request):
        """Space, offset and width of an access."""
        name, offset, width = (request.get(key) for key in ("space", "offset", "width"))
        if not isinstance(name, str) or name not in self.spaces:
            raise Refused("there is no such space")
        if type(offset) is not int or type(width) is not int or width not in (1, 2, 4):
            raise Refused("offset is a number, width 1, 2 or 4")
        if not 0 <= offset <= len(self.spaces[name].bytes) - width:
            raise Refused("that is beyond the end")
        return self.spaces[name], offset, width

    def read_register(self, space, offset, width):
        return int.from_bytes(space.bytes[offset : offset + width], "little")

    def write_register(self, space, offset, width, value):
        for i in range(width):
            mask = space.writable[offset + i]
            byte = value >> (8 * i) & 0xFF
            space.bytes[offset + i] = space.bytes[offset + i] & ~mask | byte & mask


def main():
    device = Device()
    while True:
        line = sys.stdin.buffer.readline(MOST_LINE_BYTES + 1)
        # The end of the input, or a line that is too long or cut off: nothing more can be understood.
        if not line.endswith(b"\n"):
            return
        try:
            answer = device.answer(json.loads(line))
        except Refused as reason:
            answer = {"error": str(reason)}
        except (ValueError, RecursionError):
            answer = {"error": "no line of JSON"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
