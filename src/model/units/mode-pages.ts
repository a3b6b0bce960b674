/** Mode pages: default, current and changeable values (SPC-5, "Mode parameters"). */

/** One mode page in page_0 format. */
export interface ModePageDefinition {
  readonly code: number;
  /** What follows the two bytes of its header. */
  readonly defaults: readonly number[];
  /** Bits that MODE SELECT may change, byte for byte. */
  readonly changeable: readonly number[];
}

/** Values of PAGE CONTROL. */
export const PageControl = { CURRENT: 0, CHANGEABLE: 1, DEFAULT: 2, SAVED: 3 } as const;

export const RECOVERY_PAGE = 0x01;
export const CACHING_PAGE = 0x08;
export const CONTROL_PAGE = 0x0a;
export const EXCEPTIONS_PAGE = 0x1c;
export const ALL_PAGES = 0x3f;

const zeros = (count: number): number[] => new Array<number>(count).fill(0);
const WCE = 0x04;
const D_SENSE = 0x04;
const SWP = 0x08;
const ATO = 0x80;

/** The pages of a disk, formatted with protection information or without. No page can be saved. */
export const diskPages = (isProtected: boolean): readonly ModePageDefinition[] => [
  { code: RECOVERY_PAGE, defaults: zeros(10), changeable: zeros(10) },
  { code: EXCEPTIONS_PAGE, defaults: zeros(10), changeable: zeros(10) },
  { code: CACHING_PAGE, defaults: [WCE, ...zeros(17)], changeable: [WCE, ...zeros(17)] },
  {
    code: CONTROL_PAGE,
    // QUEUE ALGORITHM MODIFIER 0, restricted reordering: commands are worked on in order of arrival. Tags of protection
    // information are kept as they came.
    defaults: [0, 0, 0, isProtected ? ATO : 0, ...zeros(6)],
    changeable: [D_SENSE, 0, SWP, ...zeros(7)],
  },
];

export class ModePages {
  readonly #definitions: readonly ModePageDefinition[];
  readonly #current = new Map<number, Uint8Array>();

  constructor(definitions: readonly ModePageDefinition[]) {
    this.#definitions = [...definitions].sort((a, b) => a.code - b.code);
    this.reset();
  }

  /** Default values become current. */
  reset(): void {
    for (const { code, defaults } of this.#definitions) this.#current.set(code, Uint8Array.from(defaults));
  }

  /** Codes in ascending order. */
  get codes(): number[] {
    return this.#definitions.map(({ code }) => code);
  }

  /** The page with its header, or undefined if there is none. Saved values do not exist. */
  page(code: number, control: number): Uint8Array | undefined {
    const values = this.#values(code, control);
    return values && Uint8Array.of(code, values.length, ...values);
  }

  /** Body of the page as it stands. */
  current(code: number): Uint8Array | undefined {
    return this.#current.get(code);
  }

  /** Offset of the first byte of a body with a bit changed that may not be, or -1. */
  forbiddenChange(code: number, body: Uint8Array): number {
    const current = this.#current.get(code) ?? new Uint8Array(0);
    const mask = this.#values(code, PageControl.CHANGEABLE) ?? [];
    return current.findIndex((value, at) => ((value ^ (body[at] ?? 0)) & ~(mask[at] ?? 0)) !== 0);
  }

  set(code: number, body: Uint8Array): void {
    this.#current.set(code, body.slice());
  }

  get descriptorSense(): boolean {
    return ((this.#current.get(CONTROL_PAGE)?.[0] ?? 0) & D_SENSE) !== 0;
  }

  get writeCache(): boolean {
    return ((this.#current.get(CACHING_PAGE)?.[0] ?? 0) & WCE) !== 0;
  }

  get softwareWriteProtect(): boolean {
    return ((this.#current.get(CONTROL_PAGE)?.[2] ?? 0) & SWP) !== 0;
  }

  #values(code: number, control: number): (ArrayLike<number> & Iterable<number>) | undefined {
    if (control === PageControl.CURRENT) return this.#current.get(code);
    const found = this.#definitions.find((each) => each.code === code);
    return control === PageControl.CHANGEABLE ? found?.changeable : found?.defaults;
  }
}
