/** What both interfaces of a virtio function over PCI have in common: configuration space, capabilities, interrupts. */
import type { DeliveredInterrupts, InterruptLine, Interrupts } from '../../port/interrupts.js';
import type { Port } from '../../port/port.js';
import type { PciAttachment } from '../../port/registers.js';
import { PciCommand, pciHeader } from '../../wire/pci.js';
import { VIRTIO_PCI_VENDOR } from '../../wire/virtio-pci.js';
import { LineInterrupts, LineVector } from '../line-interrupts.js';
import { type InterruptKind, TransportError } from '../transport.js';
import { type CapabilityList, walkCapabilities } from './capabilities.js';
import { MessageCells, MessageTable } from './msix.js';
import { MsixStructures } from './msix-structures.js';

/** Offsets of the base address registers. */
const BARS = Array.from({ length: 6 }, (_, index) => pciHeader.fields.bar0.offset + 4 * index);

/**
 * A function whose bus accesses are enabled. It interrupts by MSI-X messages unless `useInterrupts` says otherwise,
 * and by its line only where it has no MSI-X capability.
 */
export abstract class PciTransport {
  readonly capabilities: CapabilityList;
  /** The MSI-X structures, where the function has any. */
  readonly msix: MsixStructures | undefined;
  readonly interruptKinds: ReadonlySet<InterruptKind>;
  protected readonly pci: PciAttachment;
  /** Bits of the command register for the address spaces that the driver uses. */
  readonly #spaces: number;
  /** How messages are switched; undefined where the function has none. */
  readonly #table: MessageTable | undefined;
  /** Messages that the driver receives itself; undefined where there are none, or the port delivers them. */
  readonly #cells: MessageCells | undefined;
  readonly #delivered: DeliveredInterrupts | undefined;
  readonly #messages: Interrupts | undefined;
  readonly #line = new LineInterrupts(() => this.readIsr());
  #kind: InterruptKind;
  /** The base address registers as they were when the function was opened. */
  readonly #bars: readonly number[];
  #disturbed = false;

  /** Throws TransportError when the function is no virtio device. */
  protected constructor(port: Port, pci: PciAttachment, spaces: number) {
    const vendor = pci.config.read(pciHeader.fields.vendor_id.offset, 2);
    if (vendor !== VIRTIO_PCI_VENDOR)
      throw new TransportError(
        `PCI vendor is 0x${vendor.toString(16)}, a virtio function has 0x1af4`,
        'virtio.pci.vendor-id',
      );
    this.pci = pci;
    this.#spaces = spaces;
    this.#enableBusAccess();
    this.#bars = BARS.map((offset) => pci.config.read(offset, 4));
    this.capabilities = walkCapabilities(pci.config);
    const { msix } = this.capabilities;
    this.msix = msix === undefined ? undefined : new MsixStructures(pci, msix);
    this.#table = this.msix && new MessageTable(pci, this.msix);
    this.#delivered = port.interrupts;
    const elsewhere = port.interrupts !== undefined || pci.messages === false;
    this.#cells =
      elsewhere || this.msix === undefined ? undefined : new MessageCells(this.msix.vectors, port.dma);
    this.#messages = port.interrupts ?? this.#cells;
    this.#kind = this.#messages ? 'messages' : 'line';
    // A port that delivers interrupts and cannot stop it delivers all that there are.
    const always = port.interrupts !== undefined && port.interrupts.deliver === undefined;
    this.interruptKinds = new Set<InterruptKind>([this.#kind, ...(always ? [] : (['line'] as const))]);
    this.#enableInterrupts();
  }

  /** The function that a port has; throws TransportError when the device is attached in another way. */
  protected static functionOf({ attachment, transport }: Port): PciAttachment {
    if (attachment.kind !== 'pci')
      throw new TransportError(`${transport} needs a PCI function, the port has ${attachment.kind}`);
    return attachment;
  }

  get interrupts(): Interrupts {
    return this.#kind === 'messages' && this.#messages ? this.#messages : this.#line;
  }

  /** INTx, where the port can watch it. */
  get line(): InterruptLine | undefined {
    return this.pci.line;
  }

  /** Whether masks of the MSI-X table, and its pending bits, have to do with the interrupts that the driver sees. */
  get msixMasks(): boolean {
    return this.#delivered?.masked ?? this.msix !== undefined;
  }

  useInterrupts(kind: InterruptKind): void {
    if (!this.interruptKinds.has(kind)) throw new TransportError(`the function has no interrupts by ${kind}`);
    if (kind === this.#kind) return;
    this.#kind = kind;
    this.#enableInterrupts();
  }

  /** One vector a queue after that for configuration changes; with too few the last is shared. */
  usualVector(source: number | 'config'): number | undefined {
    if (!this.messages) return source === 'config' ? LineVector.CONFIGURATION : LineVector.USED_BUFFER;
    const { vectors } = this.interrupts;
    if (source === 'config') return vectors === 0 ? undefined : 0;
    return vectors === 0 ? undefined : Math.min(source + 1, vectors - 1);
  }

  restart(): void {
    this.#enableBusAccess();
    this.#enableInterrupts();
    this.#disturbed = false;
  }

  /** Tells that configuration space or the MSI-X structures were written by hand. */
  disturb(): void {
    this.#disturbed = true;
  }

  recover(): void {
    if (!this.#disturbed) return;
    const { config } = this.pci;
    const { offset } = pciHeader.fields.command;
    config.write(offset, 2, config.read(offset, 2) & ~(PciCommand.IO | PciCommand.MEMORY));
    for (const [index, value] of this.#bars.entries()) config.write(BARS[index] ?? 0, 4, value);
    this.restart();
  }

  /** Whether interrupts are messages. */
  protected get messages(): boolean {
    return this.#kind === 'messages';
  }

  /** Reads the ISR byte, which clears it. */
  protected abstract readIsr(): number;

  /** Reads the ISR byte for somebody else; what it showed still counts as raised. */
  protected takeIsr(): number {
    const isr = this.readIsr();
    this.#line.note(isr);
    return isr;
  }

  /** Lets the function answer accesses and master the bus. */
  #enableBusAccess(): void {
    const { config } = this.pci;
    const { offset } = pciHeader.fields.command;
    config.write(offset, 2, config.read(offset, 2) | this.#spaces | PciCommand.MASTER);
  }

  /** Messages and line exclude each other: the line is switched off where messages are used. */
  #enableInterrupts(): void {
    const { config } = this.pci;
    const { offset } = pciHeader.fields.command;
    const command = config.read(offset, 2) & ~PciCommand.INTX_DISABLE;
    config.write(offset, 2, this.messages ? command | PciCommand.INTX_DISABLE : command);
    this.#delivered?.deliver?.(this.messages);
    if (!this.messages) {
      this.#table?.disable();
      return;
    }
    const cells = this.#cells;
    cells?.clearAll();
    // What the port delivers goes to no address.
    this.#table?.enable((vector) => cells?.address(vector) ?? 0n);
  }
}
