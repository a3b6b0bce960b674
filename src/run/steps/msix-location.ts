/** The `msix.…` locations: message control, the table entry of a vector, its pending bit. */
import { CaseError } from '../../cases/errors.js';
import { evaluateNumber } from '../../cases/evaluate.js';
import type { Location } from '../../cases/types.js';
import type { RegisterWindow, Width } from '../../port/registers.js';
import { MsixControl, MsixVectorControl, msixCapability, msixEntry } from '../../wire/pci.js';
import type { CaseRun } from '../case-run.js';
import type { PciFunction } from './pci-function.js';

type MsixLocation = Extract<Location, { kind: 'msix' }>;

/** Bits of one or two registers of 32 bits at most. */
interface Bits {
  readonly window: RegisterWindow;
  readonly offset: number;
  readonly width: Width;
  /** Of the register, those that are meant; all if left out. */
  readonly mask?: number;
  /** The register that follows holds the high half. */
  readonly wide?: boolean;
}

/** Where a field of the MSI-X capability is, or with a vector one of its table entry or its pending bit. */
function bitsOf({ register, vector, text }: MsixLocation, pci: PciFunction, run: CaseRun): Bits {
  const { msix } = pci;
  if (msix === undefined) throw new CaseError('NOT_AVAILABLE', 'the device has no MSI-X capability');
  if (vector === undefined) {
    const { window } = pci.region('pci');
    const { message_control, table, pba } = msixCapability.fields;
    const control = { window, offset: msix.position + message_control.offset, width: 2 as const };
    switch (register) {
      case 'enable':
        return { ...control, mask: MsixControl.ENABLE };
      case 'function_mask':
        return { ...control, mask: MsixControl.FUNCTION_MASK };
      case 'table_size':
        return { ...control, mask: MsixControl.TABLE_SIZE };
      case 'table':
        return { window, offset: msix.position + table.offset, width: 4 };
      default:
        return { window, offset: msix.position + pba.offset, width: 4 };
    }
  }
  const number = evaluateNumber(vector, run.scope, run.context, MsixControl.TABLE_SIZE);
  if (number >= msix.vectors)
    throw new CaseError('OUT_OF_RANGE', `${text}: the table has ${msix.vectors} entries`);
  if (register === 'pending') {
    const { window, offset } = msix.pendingWord(number);
    return { window, offset, width: 4, mask: 2 ** (number % 32) };
  }
  const { window, offset } = msix.table();
  const { address_low, data, control } = msixEntry.fields;
  const at = offset + number * msixEntry.size;
  if (register === 'address') return { window, offset: at + address_low.offset, width: 4, wide: true };
  if (register === 'data') return { window, offset: at + data.offset, width: 4 };
  return { window, offset: at + control.offset, width: 4, mask: MsixVectorControl.MASKED };
}

/** How far the lowest bit of a mask is from bit 0. */
const shiftOf = (mask: number): bigint => BigInt(31 - Math.clz32(mask & -mask));

/** Reads an MSI-X field as a number; bits count from the field's own lowest. */
export function readMsix(location: MsixLocation, pci: PciFunction, run: CaseRun): bigint {
  const { window, offset, width, mask, wide } = bitsOf(location, pci, run);
  const value = BigInt(window.read(offset, width));
  if (mask !== undefined) return (value & BigInt(mask >>> 0)) >> shiftOf(mask);
  return wide ? value | (BigInt(window.read(offset + width, width)) << 32n) : value;
}

/** Writes an MSI-X field, the other bits of its register as they are. */
export function writeMsix(location: MsixLocation, value: bigint, pci: PciFunction, run: CaseRun): void {
  const { window, offset, width, mask, wide } = bitsOf(location, pci, run);
  pci.disturb();
  const word = (bits: bigint) => Number(BigInt.asUintN(8 * width, bits));
  if (mask === undefined) {
    window.write(offset, width, word(value));
    if (wide) window.write(offset + width, width, word(value >> 32n));
  } else {
    const wanted = BigInt(mask >>> 0);
    const others = BigInt(window.read(offset, width)) & ~wanted;
    window.write(offset, width, word(others | ((value << shiftOf(mask)) & wanted)));
  }
  window.fence();
}
