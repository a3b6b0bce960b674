/** A back-end that keeps account of what is in flight, and writes down the requests it gets. Arguments: socket, log. */
import { appendFileSync, fstatSync } from 'node:fs';
import { argv } from 'node:process';
import { PollSet } from '../../../dist/sys/events.js';
import { libc } from '../../../dist/sys/libc.js';
import { MessageStream } from '../../../dist/sys/message-stream.js';
import { acceptUnix, listenUnix, sendTo } from '../../../dist/sys/unix-socket.js';
import {
  protocolFeatureSet,
  VhostUserRequest as R,
  requestName,
  VHOST_USER_F_PROTOCOL_FEATURES,
  vhostUserHeader,
  vhostUserInflight,
  vhostUserU64,
} from '../../../dist/wire/vhost-user.js';

const [, , socket, log] = argv;
const SIZE = 8192;
const listener = listenUnix(socket);
const buffer = libc().memfd('in-flight', SIZE);
const number = (value) => vhostUserU64.encode({ value });

for (;;) {
  const line = acceptUnix(listener);
  const stream = new MessageStream(
    line,
    vhostUserHeader.size,
    (header) => vhostUserHeader.read(header).size,
    8,
  );
  const readable = new PollSet([line]);
  for (let message = stream.next(); message !== 'closed'; message = stream.next()) {
    if (message === undefined) readable.wait(-1);
    else answer(line, message);
  }
  libc().close(line);
}

function answer(line, { header, payload, fds }) {
  const { request } = vhostUserHeader.read(header);
  const files = fds.map((fd) => fstatSync(fd).ino === fstatSync(buffer).ino);
  const about = request === R.GET_INFLIGHT_FD || request === R.SET_INFLIGHT_FD;
  const what = about ? ` ${JSON.stringify(vhostUserInflight.read(payload), plain)} ${files}` : '';
  appendFileSync(log, `${requestName(request)}${what}\n`);
  for (const fd of fds) libc().close(fd);
  const reply = (bytes, given = []) =>
    sendTo(
      line,
      Buffer.concat([vhostUserHeader.encode({ request, flags: 5, size: bytes.length }), bytes]),
      given,
    );
  if (request === R.GET_FEATURES) reply(number(VHOST_USER_F_PROTOCOL_FEATURES | (1n << 32n)));
  if (request === R.GET_PROTOCOL_FEATURES) reply(number(protocolFeatureSet('INFLIGHT_SHMFD')));
  // A ring stands where it was left: it is not served.
  if (request === R.GET_VRING_BASE) reply(payload);
  if (request === R.GET_INFLIGHT_FD)
    reply(vhostUserInflight.encode({ ...vhostUserInflight.read(payload), size: BigInt(SIZE), offset: 0n }), [
      buffer,
    ]);
}

function plain(_, value) {
  return typeof value === 'bigint' ? Number(value) : value;
}
