/** A process that stands in for QEMU at the other end of a qtest line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { QtestChannel } from '../../../src/duts/qemu/qtest-channel.js';
import { makePipes } from '../../../src/sys/pipes.js';

/** A line with a peer. */
export interface FakeLine {
  readonly channel: QtestChannel;
  readonly peer: ChildProcess;
  end(): void;
}

/**
 * Starts a peer. `answer` is the body of a JavaScript function from a command to what is written in return (a string,
 * or undefined for nothing); `first` runs before the first command.
 */
export async function fakeLine(answer: string, first = ''): Promise<FakeLine> {
  const script = `
    const { readSync, writeSync } = require('node:fs');
    const answer = (command, words) => { ${answer} };
    ${first}
    const bytes = Buffer.alloc(1024);
    for (let text = '';;) {
      const length = readSync(0, bytes);
      if (length === 0) break;
      text += bytes.toString('latin1', 0, length);
      for (let end; (end = text.indexOf('\\n')) >= 0; text = text.slice(end + 1)) {
        const command = text.slice(0, end);
        const reply = answer(command, command.split(' '));
        if (reply !== undefined) writeSync(1, reply);
      }
    }`;
  const [commands, replies] = await makePipes(2);
  if (commands === undefined || replies === undefined) throw new Error('no pipes');
  const peer = spawn(process.execPath, ['-e', script], {
    stdio: [commands.readEnd, replies.writeEnd, 'inherit'],
  });
  closeSync(commands.readEnd);
  closeSync(replies.writeEnd);
  return {
    channel: new QtestChannel(commands.writeEnd, replies.readEnd),
    peer,
    end() {
      peer.kill('SIGKILL');
      closeSync(commands.writeEnd);
      closeSync(replies.readEnd);
    },
  };
}
