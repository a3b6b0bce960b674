/**
 * A vfio-user server with a function of a page of registers, written from the tables of the specification. Usage:
 * odd-server.mjs SOCKET [WHAT IS ODD]. With `dma` a write to the last register has it read a number by DMA from the
 * address written there, and write the number after it behind it.
 */
import { createServer } from 'node:net';

const [, , path, odd = ''] = process.argv;
const HEADER = 16;
const DMA_REGISTER = 4092;
const bar = Buffer.alloc(4096);
const config = Buffer.alloc(256);
config.writeUInt32LE(0x1048_1af4, 0);

function u32(...values) {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i);
  return bytes;
}
function u64(...values) {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * i);
  return bytes;
}

/** Sizes of regions by their numbers. */
function regionSize(index) {
  if (index === 0) return odd === 'huge-region' ? 2n ** 60n : bar.length;
  if (index === 7) return odd === 'no-config' ? 0 : odd === 'large-config' ? 65536 : config.length;
  return 0;
}

/** The body of a reply, or an errno. */
function answer(command, body, ask) {
  switch (command) {
    case 1: {
      const text = JSON.stringify({ capabilities: { max_msg_fds: 2 } });
      return Buffer.concat([Buffer.from([0, 0, 0, 0]), Buffer.from(`${text}\0`)]);
    }
    case 2:
      return odd === 'no-memory' ? 12 : Buffer.alloc(0);
    case 4:
      return u32(16, odd === 'no-pci' ? 1 : 2, odd === 'few-regions' ? 3 : 9, odd === 'no-irqs' ? 1 : 5);
    case 5: {
      const index = body.readUInt32LE(8);
      const shown = odd === 'other-region' && index === 3 ? 4 : index;
      const size = regionSize(index);
      return Buffer.concat([u32(32, size === 0 ? 0 : 3, shown, 0), u64(size, 0)]);
    }
    case 7:
      return u32(
        16,
        odd === 'no-eventfd' ? 0 : 1,
        odd === 'other-irq' ? 1 : 2,
        odd === 'many-irqs' ? 0xffff_ffff : 5,
      );
    case 8:
      return odd === 'refuses-irqs' ? 22 : Buffer.alloc(0);
    case 9: {
      const [offset, count] = [Number(body.readBigUInt64LE(0)), body.readUInt32LE(12)];
      const region = body.readUInt32LE(8) === 7 ? config : bar;
      if (odd === 'refuses-reads' && region === bar) return 5;
      if (odd === 'reads-elsewhere') body.writeUInt32LE(1, 8);
      return Buffer.concat([body, region.subarray(offset, offset + count)]);
    }
    case 10: {
      const offset = Number(body.readBigUInt64LE(0));
      if (body.readUInt32LE(8) === 0) body.copy(bar, offset, HEADER);
      if (odd === 'dma' && offset === DMA_REGISTER) ask(body.readUInt32LE(HEADER));
      return body.subarray(0, HEADER);
    }
    default:
      return 95;
  }
}

function serve(socket) {
  let received = Buffer.alloc(0);
  const send = (id, command, flags, error, body) => {
    const [low, high] = [Buffer.alloc(4), u32(HEADER + body.length, flags, error)];
    low.writeUInt16LE(id, 0);
    low.writeUInt16LE(command, 2);
    socket.write(Buffer.concat([low, high, body]));
  };
  const readMemory = (address) => send(500, 11, 0, 0, u64(address, 4));
  const took = (id, command, flags, body) => {
    if ((flags & 0xf) === 1) {
      if (command !== 11) return;
      const address = Number(body.readBigUInt64LE(0));
      send(501, 12, 0, 0, Buffer.concat([u64(address + 4, 4), u32(body.readUInt32LE(16) + 1)]));
      return;
    }
    const outcome = answer(command, body, readMemory);
    if (odd === 'goes' && command === 2) return void socket.end(Buffer.alloc(7));
    if ((flags & 0x10) !== 0) return;
    if (typeof outcome === 'number') send(id, command, 0x21, outcome, Buffer.alloc(0));
    else send(id, command, 1, 0, outcome);
  };
  socket.on('error', () => {});
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
    while (received.length >= HEADER && received.length >= received.readUInt32LE(4)) {
      const size = received.readUInt32LE(4);
      const body = Buffer.from(received.subarray(HEADER, size));
      took(received.readUInt16LE(0), received.readUInt16LE(2), received.readUInt32LE(8), body);
      received = received.subarray(size);
    }
  });
}

createServer(serve).listen(path);
