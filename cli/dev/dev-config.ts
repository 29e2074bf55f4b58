// The configuration of the development system: which sample operation goes to which sample service.

/** Ports of the sample services; a service that could not start is missing. */
export interface SamplePorts {
  readonly http: number;
  readonly bolt?: number;
}

/** Configuration of the mesh gateway beside the sample services. */
export function meshConfig(ports: SamplePorts, keysFile: string): object {
  const hasBolt = ports.bolt !== undefined;
  return {
    revision: 1,
    sessions: { keysFile },
    upstreams: {
      'sample-http': { protocol: 'http', hosts: [`127.0.0.1:${ports.http}`] },
      ...(hasBolt
        ? { 'sample-sofa': { protocol: 'bolt', hosts: [`127.0.0.1:${ports.bolt}`] } }
        : {}),
    },
    groups: { demo: { upstream: 'sample-http' } },
    apis: [
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
      ...(hasBolt ? [sofaHello] : []),
    ],
  };
}

/** Configuration of the central gateway: the same services, and every request in its access log. */
export function centralConfig(ports: SamplePorts, keysFile: string): object {
  return { ...meshConfig(ports, keysFile), telemetry: { accessLogSample: 1 } };
}

/** Protobuf over Bolt: the body passes through untouched. */
const sofaHello = {
  operationType: 'demo.sofa.hello',
  session: 'none',
  upstream: {
    name: 'sample-sofa',
    service: 'com.mgw.demo.HelloService:1.0',
    method: 'hello',
    codec: 'protobuf',
  },
};
