/** Where a medium comes and goes: the tray of a drive, or the slot of a removable disk. */

/** The media that can be put into a unit: the one that it has from the start, or another of other size. */
export type MediumChoice = 'usual' | 'other';

/** Blocks of these media. */
export const MEDIA_BLOCKS = {
  disk: { usual: 4096n, other: 2048n },
  cdrom: { usual: 1024n, other: 512n },
} as const;

export class Tray<Medium> {
  /** PREVENT ALLOW MEDIUM REMOVAL keeps it closed. */
  removalPrevented = false;
  readonly #ready: () => void;
  #medium: Medium | undefined;
  #open = false;

  /** `ready` is called whenever a medium has come in. */
  constructor(medium: Medium | undefined, ready: () => void) {
    this.#medium = medium;
    this.#ready = ready;
  }

  /** What can be accessed; undefined while the tray is open or empty. */
  get medium(): Medium | undefined {
    return this.#open ? undefined : this.#medium;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Opens it; the medium lies in it. */
  open(): void {
    this.#open = true;
  }

  /** Closes it; what lies in it gets ready. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    if (this.#medium !== undefined) this.#ready();
  }

  /** Opens it and takes out what lies in it. */
  eject(): void {
    this.open();
    this.#medium = undefined;
  }

  /** Puts another medium in, and closes it. */
  insert(medium: Medium): void {
    this.open();
    this.#medium = medium;
    this.close();
  }
}
