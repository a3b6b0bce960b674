/** What an available buffer notification says ("Driver Notifications"), whatever register it is written to. */
import { hasFeature, NotificationField } from '../../wire/virtio.js';

/** The value of a notification, taken apart by the negotiated features. */
export interface NotificationValue {
  /** The queue's index, or its queue_notif_config_data. */
  readonly id: number;
  /** Where the driver places what it makes available next, next_off and next_wrap in 16 bits; undefined without them. */
  readonly position: number | undefined;
}

/** Bytes of a notification over PCI ("Available Buffer Notifications"). */
export function notificationWidth(features: bigint): 2 | 4 {
  return hasFeature(features, 'VIRTIO_F_NOTIFICATION_DATA') ? 4 : 2;
}

/** Reads a notification by the features in force. */
export function readNotification(value: number, features: bigint): NotificationValue {
  if (!hasFeature(features, 'VIRTIO_F_NOTIFICATION_DATA')) return { id: value, position: undefined };
  return {
    id: value & NotificationField.idMask,
    position: value >>> NotificationField.positionShift,
  };
}
