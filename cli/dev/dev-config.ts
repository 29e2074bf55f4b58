// The configurations of the development system: which sample operation goes to which sample
// service. Every generation opens the same APIs; only the way to the services differs.

/** Ports of the sample services; a service that could not start is missing. */
export interface SamplePorts {
  readonly http: number;
  readonly bolt?: number;
}

/** Configuration of the mesh gateway. */
export function meshConfig(samples: SamplePorts, keysFile: string): object {
  const upstream = { protocol: 'http', hosts: [`127.0.0.1:${samples.http}`] };
  return configOf('sample-http', upstream, samples, keysFile);
}

/** Configuration of the central gateway: the same services, and every request in its access log. */
export function centralConfig(samples: SamplePorts, keysFile: string): object {
  return { ...meshConfig(samples, keysFile), telemetry: { accessLogSample: 1 } };
}

/** Configuration of the gateway inside the sample service. */
export function decentralizedConfig(samples: SamplePorts, keysFile: string): object {
  return configOf('service', { protocol: 'local' }, samples, keysFile);
}

function configOf(name: string, upstream: object, samples: SamplePorts, keysFile: string): object {
  const { bolt } = samples;
  const sofa = { protocol: 'bolt', hosts: [`127.0.0.1:${bolt}`] };
  return {
    revision: 1,
    sessions: { keysFile },
    upstreams: { [name]: upstream, ...(bolt === undefined ? {} : { 'sample-sofa': sofa }) },
    // Clients with sessions of the old kind are let in, and get one of the new kind.
    groups: { demo: { upstream: name, accept: ['compact', 'legacy'] } },
    apis: [...DEMO_APIS, ...(bolt === undefined ? [] : [SOFA_HELLO])],
  };
}

const DEMO_APIS = [
  {
    operationType: 'demo.echo',
    group: 'demo',
    session: 'none',
    upstream: { path: '/demo.echo' },
    body: { required: true, type: 'json' },
    idempotent: true,
  },
  {
    operationType: 'demo.account.get',
    group: 'demo',
    session: 'required',
    upstream: { path: '/demo.account.get' },
    idempotent: true,
  },
  {
    operationType: 'demo.slow',
    group: 'demo',
    session: 'none',
    upstream: { path: '/demo.slow' },
    body: { required: true, type: 'json' },
  },
];

/** Protobuf over Bolt: the body passes through untouched. */
const SOFA_HELLO = {
  operationType: 'demo.sofa.hello',
  session: 'none',
  upstream: {
    name: 'sample-sofa',
    service: 'com.mgw.demo.HelloService:1.0',
    method: 'hello',
    codec: 'protobuf',
  },
};
