/** The usual model behind the remote-device protocol, in this process. */
import { modelProfile } from '../../src/duts/model/adapter.js';
import { DEFAULT_MODEL_CONFIG } from '../../src/model/model-config.js';
import { RemoteServer } from '../../src/serve/remote.js';

export const remoteModel = (memoryFile?: string): RemoteServer =>
  new RemoteServer({
    config: DEFAULT_MODEL_CONFIG,
    profile: modelProfile(DEFAULT_MODEL_CONFIG),
    version: '1',
    seed: 1,
    change: () => {},
    ...(memoryFile !== undefined && { memoryFile }),
  });
