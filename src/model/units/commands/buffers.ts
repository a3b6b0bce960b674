/** WRITE BUFFER and READ BUFFER(10) (SPC-5): a data buffer and an echo buffer. There is no microcode to load. */
import { type CommandResult, goodAfter, goodWith } from '../command-result.js';
import { allocated, type CommandCall, type CommandEntry, invalidNamed } from '../command-table.js';
import { CheckCondition, Sense } from '../sense.js';

const Mode = { DATA: 0x02, DESCRIPTOR: 0x03, ECHO: 0x0a, ECHO_DESCRIPTOR: 0x0b } as const;
const CAPACITY = 4096;
const ECHO_CAPACITY = 1024;
/** OFFSET BOUNDARY: a power of two; any offset is fine. */
const ANY_OFFSET = 0;

/** The buffers of one unit. They live as long as it does. */
export class UnitBuffers {
  readonly #data = new Uint8Array(CAPACITY);
  #echo: Uint8Array | undefined;

  write(call: CommandCall): CommandResult {
    const { mode, buffer_id: id, buffer_offset: offset, parameter_list_length: length } = call.fields;
    const size = Number(length);
    const echo = Number(mode) === Mode.ECHO;
    if (!echo && Number(mode) !== Mode.DATA) throw invalidNamed(call.command, 'mode');
    if (id !== 0n) throw invalidNamed(call.command, 'buffer_id');
    if (echo ? offset !== 0n : Number(offset) > CAPACITY) throw invalidNamed(call.command, 'buffer_offset');
    if (size > (echo ? ECHO_CAPACITY : CAPACITY - Number(offset)))
      throw invalidNamed(call.command, 'parameter_list_length');
    const bytes = call.task.dataOut(size);
    if (echo) this.#echo = bytes.slice();
    else this.#data.set(bytes, Number(offset));
    return goodAfter(size);
  }

  read(call: CommandCall): CommandResult {
    const { mode, buffer_id: id, buffer_offset: offset } = call.fields;
    if (id !== 0n) throw invalidNamed(call.command, 'buffer_id');
    return goodWith(allocated(call, this.#contents(call, Number(mode), Number(offset))));
  }

  #contents(call: CommandCall, mode: number, offset: number): Uint8Array {
    switch (mode) {
      case Mode.DATA:
        if (offset > CAPACITY) throw invalidNamed(call.command, 'buffer_offset');
        return this.#data.subarray(offset);
      case Mode.DESCRIPTOR:
        return Uint8Array.of(ANY_OFFSET, 0, CAPACITY >> 8, CAPACITY & 0xff);
      case Mode.ECHO:
        // Nothing was written that could come back.
        if (this.#echo === undefined) throw new CheckCondition(Sense.COMMAND_SEQUENCE_ERROR);
        return this.#echo;
      case Mode.ECHO_DESCRIPTOR:
        return Uint8Array.of(0, 0, ECHO_CAPACITY >> 8, ECHO_CAPACITY & 0xff);
      default:
        throw invalidNamed(call.command, 'mode');
    }
  }
}

export function bufferCommands(): CommandEntry[] {
  const buffers = new UnitBuffers();
  return [
    {
      name: 'WRITE BUFFER',
      accepts: ['mode', 'buffer_id', 'buffer_offset', 'parameter_list_length'],
      run: (call) => buffers.write(call),
    },
    {
      name: 'READ BUFFER(10)',
      accepts: ['mode', 'buffer_id', 'buffer_offset', 'allocation_length'],
      run: (call) => buffers.read(call),
    },
  ];
}
