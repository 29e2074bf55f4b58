// The result codes that clients see, with their default texts. Closed set; docs/reference and the
// codecs read this table. Texts can be overridden by configuration.

/** Result codes by name. */
export const ResultCode = {
  success: 1000,
  accessRefused: 1001,
  limited: 1002,
  notAuthorized: 1005,
  loginTimedOut: 2000,
  apiMissing: 3000,
  requestEmpty: 3001,
  requestMalformed: 3002,
  requestUndecryptable: 3003,
  backendTimedOut: 4001,
  backendFailed: 4002,
  backendHostUnknown: 4003,
  unknownError: 5000,
  serviceNotFound: 6000,
  methodNotFound: 6001,
  wrongParameterCount: 6002,
  methodNotAccessible: 6003,
  jsonError: 6004,
  illegalArgument: 6005,
  businessError: 6666,
  noPublicKey: 7000,
  tooFewSigningParameters: 7001,
  badSignature: 7002,
  staleTimestamp: 7003,
  timestampMissing: 7007,
  signatureMissing: 7014,
  corsPreflight: 8002,
} as const;

export type ResultCode = (typeof ResultCode)[keyof typeof ResultCode];

/** Languages that the default texts exist in. */
export type Language = 'en' | 'zh';

/** What a code means, and what the client is told. `httpStatus` is used by `statusMode: "http"`. */
export interface ResultText {
  readonly memo: string;
  readonly tips: string;
}

export interface ResultCodeInfo {
  readonly code: number;
  readonly httpStatus: number;
  readonly en: ResultText;
  readonly zh: ResultText;
}

const SORRY = 'Sorry, this cannot be done right now. Please try again later.';
const SORRY_ZH = '抱歉，暂时无法操作，请稍后再试。';
const BUSY = 'The network is busy. Please try again later.';
const BUSY_ZH = '网络繁忙，请稍后再试。';

function info(
  code: number,
  httpStatus: number,
  en: readonly [string, string],
  zh: readonly [string, string],
): ResultCodeInfo {
  return {
    code,
    httpStatus,
    en: { memo: en[0], tips: en[1] },
    zh: { memo: zh[0], tips: zh[1] },
  };
}

/** Every code with HTTP status and texts, in ascending order. */
export const RESULT_CODES: readonly ResultCodeInfo[] = [
  info(1000, 200, ['Success', ''], ['操作成功', '']),
  info(1001, 403, ['Access refused', 'Access refused.'], ['拒绝访问', '拒绝访问。']),
  info(
    1002,
    429,
    ['Call limit exceeded', 'Too many people are queueing. Please try again later.'],
    ['调用次数超过限制', '顾客太多,客官请稍候'],
  ),
  info(1005, 403, ['Not authorized', 'Not authorized.'], ['未授权', '未授权。']),
  info(
    2000,
    401,
    ['Login timed out', 'Your login has timed out. Please log in again.'],
    ['登录超时', '登录超时，请重新登录。'],
  ),
  info(
    3000,
    404,
    ['Operation type missing or not supported', SORRY],
    ['缺少操作类型或者此操作类型不支持', SORRY_ZH],
  ),
  info(
    3001,
    400,
    ['Request data is empty', 'The system is busy. Please try again later.'],
    ['请求数据为空', '系统繁忙，请稍后再试。'],
  ),
  info(3002, 400, ['Request data is malformed', SORRY], ['数据格式有误', SORRY_ZH]),
  info(3003, 400, ['Request data cannot be decrypted', SORRY], ['数据解密失败', SORRY_ZH]),
  info(
    4001,
    504,
    ['Service request timed out', 'The request timed out. Please try again later.'],
    ['服务请求超时', '请求超时，请稍后再试。'],
  ),
  info(4002, 502, ['Call to the business system failed', BUSY], ['远程调用业务系统异常', BUSY_ZH]),
  info(4003, 502, ['Host of the API group is unknown', BUSY], ['创建远程调用代理失败', BUSY_ZH]),
  info(5000, 500, ['Unknown error', SORRY], ['未知错误', SORRY_ZH]),
  info(6000, 502, ['RPC: service not found', SORRY], ['RPC-目标服务找不到', SORRY_ZH]),
  info(6001, 502, ['RPC: method not found', SORRY], ['RPC-目标方法找不到', SORRY_ZH]),
  info(6002, 400, ['RPC: wrong number of parameters', SORRY], ['RPC-参数数目不正确', SORRY_ZH]),
  info(6003, 403, ['RPC: method not accessible', SORRY], ['RPC-目标方法不可访问', SORRY_ZH]),
  info(6004, 400, ['RPC: JSON error', SORRY], ['RPC-JSON解析异常', SORRY_ZH]),
  info(6005, 400, ['RPC: illegal argument', SORRY], ['RPC-调用目标方法时参数不合法', SORRY_ZH]),
  info(6666, 500, ['RPC: business code threw', SORRY], ['RPC-业务抛出异常', SORRY_ZH]),
  info(7000, 401, ['No public key', ''], ['没有设置公钥', '']),
  info(7001, 401, ['Too few parameters to verify the signature', ''], ['验签的参数不够', '']),
  info(7002, 401, ['Signature verification failed', ''], ['验签失败', '']),
  info(7003, 401, ['Timestamp outside the allowed window', ''], ['时效性失败', '']),
  info(7007, 401, ['Timestamp missing', ''], ['缺少 ts', '']),
  info(7014, 401, ['Signature missing', ''], ['缺少 sign', '']),
  info(8002, 200, ['CORS preflight', ''], ['跨域预检', '']),
];

const BY_CODE = new Map(RESULT_CODES.map((entry) => [entry.code, entry]));

/** Looks a code up; unknown codes read as 5000. */
export function resultCodeInfo(code: number): ResultCodeInfo {
  return BY_CODE.get(code) ?? BY_CODE.get(ResultCode.unknownError)!;
}
