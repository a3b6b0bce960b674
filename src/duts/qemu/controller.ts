/** The virtio-scsi controller of the machine, as arguments for QEMU. */
import type { TransportName } from '../../port/transport-name.js';
import { MMIO_BUS } from './microvm.js';
import { DEVICE_SLOT } from './pci-bus.js';

/** Its id, from which that of its bus follows. */
export const CONTROLLER_ID = 's0';

/** Properties that the adapter relies on. */
export const RESERVED_PROPERTIES: readonly string[] = ['driver', 'id', 'bus', 'addr', 'multifunction'];

/** A notification acts before its reply. */
const NO_IOEVENTFD = { ioeventfd: 'off' } as const;
const QUEUES = { num_queues: '2' } as const;

interface Controller {
  /** QEMU's name of the device. */
  readonly driver: string;
  /** Where it is attached. */
  readonly place: Readonly<Record<string, string>>;
  /** Its properties, unless the user says otherwise. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Those on which the transport rests. */
  readonly fixed: Readonly<Record<string, string>>;
  /** Properties of the bus to which it is attached. */
  readonly bus: readonly string[];
}

const pciFunction = (defaults: Controller['defaults'], fixed: Controller['fixed']): Controller => ({
  driver: 'virtio-scsi-pci',
  place: { addr: String(DEVICE_SLOT) },
  defaults: { ...defaults, ...NO_IOEVENTFD, ...QUEUES },
  fixed,
  bus: [],
});

const registerWindow = (legacy: 'on' | 'off'): Controller => ({
  driver: 'virtio-scsi-device',
  place: { bus: MMIO_BUS },
  defaults: QUEUES,
  fixed: {},
  bus: [`virtio-mmio.force-legacy=${legacy}`, 'virtio-mmio.ioeventfd=off'],
});

const CONTROLLERS: Readonly<Partial<Record<TransportName, Controller>>> = {
  pci: pciFunction({ 'disable-legacy': 'on' }, {}),
  'pci-legacy': pciFunction({}, { 'disable-legacy': 'off' }),
  mmio: registerWindow('off'),
  'mmio-legacy': registerWindow('on'),
};

/** The controller for a transport. Throws RangeError for a transport that QEMU does not have. */
export function controllerFor(transport: TransportName): Controller {
  const controller = CONTROLLERS[transport];
  if (controller === undefined) throw new RangeError(`QEMU is not driven by ${transport}`);
  return controller;
}

/** The arguments that attach it; `chosen` are further properties, which replace its defaults. */
export function controllerArguments(
  transport: TransportName,
  chosen: Readonly<Record<string, string>>,
): string[] {
  const { driver, place, defaults, fixed, bus } = controllerFor(transport);
  const properties = { id: CONTROLLER_ID, ...place, ...defaults, ...chosen, ...fixed };
  return [
    ...bus.flatMap((value) => ['-global', value]),
    '-device',
    [driver, ...Object.entries(properties).map(property)].join(),
  ];
}

/** A comma in a value is written twice. */
function property([name, value]: [string, string]): string {
  return `${name}=${value.replaceAll(',', ',,')}`;
}
