// Numbers and names of SOFABolt: command types and codes, codecs, response status, header layouts.
// Facts only; frame.ts reads frames, encoder.ts writes them. All integers are big-endian.
// Source: sofastack/sofa-bolt, RpcProtocol.java and RpcProtocolV2.java.
//
// Version 1, request                           Version 1, response
//  0  proto = 1                                 0  proto = 1
//  1  type (1 request, 2 oneway)                1  type = 0
//  2  command code, 2 bytes                     2  command code, 2 bytes
//  4  ver2 = 1                                  4  ver2 = 1
//  5  request id, 4 bytes                       5  request id, 4 bytes
//  9  codec                                     9  codec
// 10  timeout in ms, 4 bytes, signed           10  status, 2 bytes
// 14  class length, 2 bytes, signed            12  class length
// 16  header map length, 2 bytes, signed       14  header map length
// 18  content length, 4 bytes, signed          16  content length
// 22  class | header map | content             20  class | header map | content
//
// Version 2 puts one byte `ver1` behind `proto` and one byte `switch` behind `codec`:
//  0  proto = 2                                 0  proto = 2
//  1  ver1 (1: never a CRC, 2: CRC possible)    1  ver1
//  2  type                                      2  type = 0
//  3  command code, 2 bytes                     3  command code, 2 bytes
//  5  ver2 = 1                                  5  ver2 = 1
//  6  request id, 4 bytes                       6  request id, 4 bytes
// 10  codec                                    10  codec
// 11  switch (bit 0: CRC)                      11  switch
// 12  timeout in ms, 4 bytes, signed           12  status, 2 bytes
// 16  class length                             14  class length
// 18  header map length                        16  header map length
// 20  content length                           18  content length
// 24  class | header map | content [| CRC-32]  22  class | header map | content [| CRC-32]
//
// The CRC-32 (IEEE) covers everything before it, the request id included.

/** The `type` byte. */
export const CommandType = { response: 0, request: 1, oneway: 2 } as const;

/** The command code. `goAway` is an extension of MOSN and of newer Java peers. */
export const CommandCode = { heartbeat: 0, request: 1, response: 2, goAway: 100 } as const;

/** The `codec` byte: how the content is serialized. */
export const Codec = { hessian: 1, protobuf: 11, json: 12 } as const;

/** The status of a response. There is a gap between 0x09 and 0x10. */
export const Status = {
  success: 0x00,
  error: 0x01,
  serverException: 0x02,
  unknown: 0x03,
  serverThreadPoolBusy: 0x04,
  communicationError: 0x05,
  noProcessor: 0x06,
  timeout: 0x07,
  clientSendError: 0x08,
  codecException: 0x09,
  connectionClosed: 0x10,
  serverSerialException: 0x11,
  serverDeserialException: 0x12,
} as const;

/** Bit of the `switch` byte that announces a trailing CRC; it counts only when ver1 is 2. */
export const CRC_SWITCH = 1;

/** Bytes of the trailing CRC. */
export const CRC_BYTES = 4;

/** LIMIT: class name and header map lengths are signed 16-bit numbers in Java. */
export const SHORT_LENGTH_MAX = 0x7fff;

/**
 * What all frames of one connection share. A Java server answers every request in the form of the
 * first frame it saw on the connection, so a connection never changes its form.
 */
export interface BoltForm {
  /** The `proto` byte. */
  readonly version: 1 | 2;
  /** The `ver1` byte; 1 for version 1, which has none. */
  readonly ver1: 1 | 2;
  /** Frames end with a CRC-32. Only with ver1 2. */
  readonly hasCrc: boolean;
}

/** The forms a client chooses from. ver1 = 1 never carries a CRC, so there is no such form. */
export const BOLT_V1: BoltForm = Object.freeze({ version: 1, ver1: 1, hasCrc: false });
export const BOLT_V2: BoltForm = Object.freeze({ version: 2, ver1: 1, hasCrc: false });
export const BOLT_V2_VER2: BoltForm = Object.freeze({ version: 2, ver1: 2, hasCrc: false });
export const BOLT_V2_CRC: BoltForm = Object.freeze({ version: 2, ver1: 2, hasCrc: true });

/** Class names a SOFARPC peer dispatches on. */
export const ClassName = {
  request: 'com.alipay.sofa.rpc.core.request.SofaRequest',
  response: 'com.alipay.sofa.rpc.core.response.SofaResponse',
  serverException: 'com.alipay.remoting.rpc.exception.RpcServerException',
} as const;

/**
 * Keys of the header map. `service` and `targetService` are both "interface:version[:uniqueId]";
 * with the protobuf codec a peer takes service and method from here alone.
 */
export const HeaderKey = {
  service: 'service',
  targetService: 'sofa_head_target_service',
  methodName: 'sofa_head_method_name',
  targetApp: 'sofa_head_target_app',
  responseError: 'sofa_head_response_error',
} as const;

/** Offset of the request id from the start of a frame of this version. */
export function requestIdOffset(version: number): number {
  return version === 1 ? 5 : 6;
}
