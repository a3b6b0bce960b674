/** What a back-end asks of the front-end, on a channel of its own ("Back-end communication"). */

import { libc } from '../../sys/libc.js';
import { type FramedMessage, MessageStream } from '../../sys/message-stream.js';
import { sendTo, unixPair } from '../../sys/unix-socket.js';
import {
  VHOST_USER_MAX_REGIONS,
  VhostUserBackendRequest,
  VhostUserFlag,
  vhostUserHeader,
  vhostUserU64,
} from '../../wire/vhost-user.js';

/** No request of a back-end is longer. */
const MOST_PAYLOAD = 4096;
const DONE = 0n;
const REFUSED = 1n;

/** The front-end's end of the channel. */
export class BackendRequests {
  readonly fd: number;
  readonly #stream: MessageStream;
  readonly #configChanged: () => void;
  #open = true;

  private constructor(fd: number, configChanged: () => void) {
    this.fd = fd;
    this.#configChanged = configChanged;
    this.#stream = new MessageStream(
      fd,
      vhostUserHeader.size,
      (header) => Math.min(MOST_PAYLOAD, vhostUserHeader.read(header).size),
      VHOST_USER_MAX_REGIONS,
    );
  }

  /** Makes a channel; `theirs` is for the back-end, and to be closed once it has been passed on. */
  static open(configChanged: () => void): { readonly channel: BackendRequests; readonly theirs: number } {
    const [ours, theirs] = unixPair();
    return { channel: new BackendRequests(ours, configChanged), theirs };
  }

  /** Deals with the requests that are there. */
  attend(): void {
    while (this.#open) {
      const message = this.#next();
      if (message === undefined) return;
      this.#serve(message);
    }
  }

  close(): void {
    this.#stream.discard();
    libc().close(this.fd);
  }

  /** A back-end that closes its channel, or sends what cannot be meant, has nothing to ask for any more. */
  #next(): FramedMessage | undefined {
    const got = this.#stream.next();
    if (got !== 'closed' && got !== 'flooded') return got;
    this.#open = false;
    return undefined;
  }

  #serve({ header, fds }: FramedMessage): void {
    // No request that is served brings descriptors.
    for (const fd of fds) libc().close(fd);
    const { request, flags } = vhostUserHeader.read(header);
    const served = request === VhostUserBackendRequest.CONFIG_CHANGE_MSG;
    if (served) this.#configChanged();
    if ((flags & VhostUserFlag.NEED_REPLY) === 0) return;
    const reply = vhostUserHeader.encode({
      request,
      flags: VhostUserFlag.VERSION | VhostUserFlag.REPLY,
      size: vhostUserU64.size,
    });
    const answer = vhostUserU64.encode({ value: served ? DONE : REFUSED });
    sendTo(this.fd, Buffer.concat([reply, answer]));
  }
}
