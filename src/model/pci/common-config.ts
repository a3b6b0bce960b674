/** The common configuration structure over a virtio device ("Common configuration structure layout"). */
import { hasFeature } from '../../wire/virtio.js';
import { VIRTIO_MSI_NO_VECTOR, type virtioPciCommonCfg } from '../../wire/virtio-pci.js';
import type { FieldStore } from '../register-window.js';
import type { VirtioDevice } from '../virtio/device.js';
import { featureWindow } from '../virtio/feature-windows.js';
import type { Virtqueue } from '../virtio/queue.js';

export type CommonField = keyof typeof virtioPciCommonCfg.fields;

/** What the common configuration asks of the PCI function around it. */
export interface CommonHost {
  /** The vector itself, or NO_VECTOR if there is none of that number. */
  usableVector(vector: number): number;
  /** queue_notify_off of a queue. */
  notifyOffset(queue: Virtqueue): number;
}

export class CommonConfig implements FieldStore<CommonField> {
  configVector: number = VIRTIO_MSI_NO_VECTOR;
  readonly #device: VirtioDevice;
  readonly #host: CommonHost;
  #deviceWindow = 0;
  #driverWindow = 0;
  #selected = 0;

  constructor(device: VirtioDevice, host: CommonHost) {
    this.#device = device;
    this.#host = host;
  }

  /** The selectors go back to 0 as well: a driver that relied on old ones would be wrong on other devices. */
  reset(vectorsToo: boolean): void {
    this.#deviceWindow = 0;
    this.#driverWindow = 0;
    this.#selected = 0;
    if (vectorsToo) this.configVector = VIRTIO_MSI_NO_VECTOR;
  }

  read(name: CommonField): number | bigint {
    return this.#device.behaviours.commonField(name, this.#read(name));
  }

  #read(name: CommonField): number | bigint {
    const queue = this.#device.queues[this.#selected];
    switch (name) {
      case 'device_feature_select':
        return this.#deviceWindow;
      case 'device_feature':
        return featureWindow(this.#device.offered, this.#deviceWindow);
      case 'driver_feature_select':
        return this.#driverWindow;
      case 'driver_feature':
        return this.#device.driverFeatures.read(this.#driverWindow);
      case 'config_msix_vector':
        return this.configVector;
      case 'num_queues':
        return this.#device.queues.length;
      case 'device_status':
        return this.#device.status;
      case 'config_generation':
        return this.#device.generation;
      case 'queue_select':
        return this.#selected;
      case 'queue_size':
        return queue?.size ?? 0;
      case 'queue_msix_vector':
        return queue?.vector ?? VIRTIO_MSI_NO_VECTOR;
      case 'queue_enable':
        return queue?.enabled ? 1 : 0;
      case 'queue_notify_off':
        return queue ? this.#host.notifyOffset(queue) : 0;
      case 'queue_notif_config_data':
        return queue && hasFeature(this.#device.negotiated, 'VIRTIO_F_NOTIF_CONFIG_DATA')
          ? queue.notifyData
          : 0;
      case 'queue_desc':
        return queue?.descriptors ?? 0n;
      case 'queue_driver':
        return queue?.driver ?? 0n;
      case 'queue_device':
        return queue?.device ?? 0n;
      // A queue reset is over before the write that asks for it returns, so queue_reset never reads 1.
      case 'queue_reset':
      case 'admin_queue_index':
      case 'admin_queue_num':
        return 0;
    }
  }

  write(name: CommonField, value: number | bigint): void {
    const taken = this.#device.behaviours.commonWrite(name, value);
    if (taken !== undefined) this.#write(name, taken);
  }

  #write(name: CommonField, value: number | bigint): void {
    const number = Number(value);
    switch (name) {
      case 'device_feature_select':
        this.#deviceWindow = number;
        return;
      case 'driver_feature_select':
        this.#driverWindow = number;
        return;
      case 'driver_feature':
        this.#device.writeDriverFeatures(this.#driverWindow, number);
        return;
      case 'config_msix_vector':
        this.configVector = this.#host.usableVector(number);
        return;
      case 'device_status':
        this.#device.writeStatus(number);
        return;
      case 'queue_select':
        this.#selected = number;
        return;
      default: {
        const queue = this.#device.queues[this.#selected];
        if (queue) this.#writeQueue(queue, name, value);
      }
    }
  }

  #writeQueue(queue: Virtqueue, name: CommonField, value: number | bigint): void {
    if (name === 'queue_msix_vector') queue.vector = this.#host.usableVector(Number(value));
    if (name === 'queue_reset' && value === 1 && hasFeature(this.#device.negotiated, 'VIRTIO_F_RING_RESET'))
      this.#device.resetQueue(queue);
    // The driver does not reconfigure an enabled queue ("Driver Requirements: Common configuration structure layout").
    if (queue.enabled) return;
    if (name === 'queue_size')
      queue.resize(Number(value), hasFeature(this.#device.negotiated, 'VIRTIO_F_RING_PACKED'));
    if (name === 'queue_desc') queue.descriptors = BigInt(value);
    if (name === 'queue_driver') queue.driver = BigInt(value);
    if (name === 'queue_device') queue.device = BigInt(value);
    if (name === 'queue_enable' && value === 1) queue.enabled = true;
  }
}
