/** Constants that every virtio device shares (virtio 1.4, "Basic Facilities of a Virtio Device"). */

/** Bits of the device status field, "Device Status Field". */
export const DeviceStatus = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  SUSPEND: 16,
  DEVICE_NEEDS_RESET: 64,
  FAILED: 128,
} as const;

/** Feature bit numbers, "Reserved Feature Bits" and, for virtio-scsi, "SCSI Host Device / Feature bits". */
export const Feature = {
  VIRTIO_SCSI_F_INOUT: 0,
  VIRTIO_SCSI_F_HOTPLUG: 1,
  VIRTIO_SCSI_F_CHANGE: 2,
  VIRTIO_SCSI_F_T10_PI: 3,
  VIRTIO_F_NOTIFY_ON_EMPTY: 24,
  VIRTIO_F_ANY_LAYOUT: 27,
  VIRTIO_F_INDIRECT_DESC: 28,
  VIRTIO_F_EVENT_IDX: 29,
  VIRTIO_F_VERSION_1: 32,
  VIRTIO_F_ACCESS_PLATFORM: 33,
  VIRTIO_F_RING_PACKED: 34,
  VIRTIO_F_IN_ORDER: 35,
  VIRTIO_F_ORDER_PLATFORM: 36,
  VIRTIO_F_SR_IOV: 37,
  VIRTIO_F_NOTIFICATION_DATA: 38,
  VIRTIO_F_NOTIF_CONFIG_DATA: 39,
  VIRTIO_F_RING_RESET: 40,
  VIRTIO_F_ADMIN_VQ: 41,
  VIRTIO_F_SUSPEND: 43,
} as const;

/** Name of a feature bit that virtio-scsi knows. */
export type FeatureName = keyof typeof Feature;

/** The 64-bit feature set with just the named bits. */
export function featureSet(...names: readonly FeatureName[]): bigint {
  return names.reduce((set, name) => set | (1n << BigInt(Feature[name])), 0n);
}

const FEATURE_MASKS = Object.fromEntries(
  Object.entries(Feature).map(([name, bit]) => [name, 1n << BigInt(bit)]),
) as Record<FeatureName, bigint>;

/** Whether `set` holds the named feature. */
export function hasFeature(set: bigint, name: FeatureName): boolean {
  return (set & FEATURE_MASKS[name]) !== 0n;
}

/** Names of the bits of `set`; a bit without a name appears as `bit N`. */
export function featureNames(set: bigint): string[] {
  const byBit = new Map<number, string>(Object.entries(Feature).map(([name, bit]) => [bit, name]));
  const out: string[] = [];
  for (let bit = 0; set >> BigInt(bit) !== 0n; bit++)
    if ((set >> BigInt(bit)) & 1n) out.push(byBit.get(bit) ?? `bit ${bit}`);
  return out;
}

/** Bits that only the legacy interface has; its feature word is bits 0 to 31. */
export const LEGACY_ONLY_FEATURES = featureSet('VIRTIO_F_NOTIFY_ON_EMPTY', 'VIRTIO_F_ANY_LAYOUT');
/** The features that the legacy interface can tell of. */
export const LEGACY_FEATURE_WORD = 0xffff_ffffn;

/**
 * An available buffer notification with VIRTIO_F_NOTIFICATION_DATA, 32 bits: the queue's index or its
 * queue_notif_config_data, then next_off (15 bits) and next_wrap ("Driver Notifications").
 */
export const NotificationField = { idMask: 0xffff, positionShift: 16 } as const;

/** Virtio device id of the SCSI host device. */
export const VIRTIO_ID_SCSI = 8;
