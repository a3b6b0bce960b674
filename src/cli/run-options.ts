/** The options of `vscsi run`. */
import type { ReportFormat } from '../report/format.js';
import type { ModeChoice } from '../run/modes.js';
import type { SentChain } from '../run/resend.js';
import type { RunRequest, Shard } from '../run/results.js';
import type { SpecVersion } from '../run/spec-version.js';

/** As the command line gives them; only what has a default is always there. */
export interface RunOptions {
  /** Device kinds and profile files. */
  readonly dut?: readonly string[];
  readonly cases?: readonly string[];
  readonly select?: readonly string[];
  readonly skip?: readonly string[];
  readonly area?: string;
  readonly requirement?: string;
  /** Only cases of these ids, as written: those of a playlist. */
  readonly bases?: readonly string[];
  readonly modes?: ModeChoice;
  readonly shard?: Shard;
  readonly resume?: string;
  readonly jobs?: number;
  readonly shuffle?: number;
  readonly reverse?: boolean;
  readonly known?: string;
  /** No list of known deviations counts, not even that of the suite. */
  readonly nothingKnown?: boolean;
  readonly fatal?: boolean;
  readonly baseline?: string;
  readonly seed?: number;
  readonly timeout: number;
  readonly spec?: SpecVersion;
  readonly strict?: boolean;
  readonly report?: readonly ReportTarget[];
  readonly keep?: boolean;
  /** The folder; `true` for the terminal. */
  readonly trace?: string | true;
  /** Of the traces in the folder only those of red cases stay. */
  readonly traceRed?: boolean;
  /** Chains of a trace, sent in place of those that the cases make. */
  readonly resend?: readonly SentChain[];
  readonly verbose?: boolean;
  readonly exitCode?: 'bisect';
  readonly qemu?: string;
  readonly machine?: string;
  readonly deviceProp?: readonly DeviceProperty[];
  readonly wrap?: readonly string[];
  readonly backend?: readonly string[];
  readonly mmap: boolean;
  readonly unsafeDma?: boolean;
  readonly mutant?: string;
}

/** A property of QEMU's virtio-scsi-pci device. */
export interface DeviceProperty {
  readonly name: string;
  readonly value: string;
}

/** A report and the file that it goes to. */
export interface ReportTarget {
  readonly format: ReportFormat;
  readonly file: string;
}

/** What results tell of the options. `device`: the words that ask for the device. */
export function requestOf(options: RunOptions, device: readonly string[]): RunRequest {
  const { cases, select, skip, area, requirement, modes = 'default', fatal, shard } = options;
  return {
    device,
    ...(cases && { cases }),
    ...(select && { select }),
    ...(skip && { skip }),
    ...(area !== undefined && { area }),
    ...(requirement !== undefined && { requirement }),
    modes,
    ...(fatal === true && { fatal }),
    ...(shard && { shard }),
  };
}
