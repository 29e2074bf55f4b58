// What clients are told about result codes, encoded once per code and language: Mmtp fields, HTTP
// header lines and the body of answers that the gateway makes itself.

import { RESULT_CODES, ResultCode, type Language } from '#core/base/result-codes.ts';
import { percentEncodeUtf8 } from '#core/codec/http1/percent.ts';

/** One code in one language. */
export interface EncodedResult {
  /** UTF-8; null when there is no text. */
  readonly memo: Buffer | null;
  readonly tips: Buffer | null;
  /** `Result-Status`, `Memo` and `Tips` as HTTP header lines. */
  readonly httpLines: Buffer;
  /** JSON body of an answer without a service's own. */
  readonly body: Buffer;
  /** HTTP status for `statusMode: "http"`. */
  readonly httpStatus: number;
}

/** Encodes a result with texts of its own. Cold path. */
export function encodeResult(
  code: number,
  httpStatus: number,
  memo: string,
  tips: string,
): EncodedResult {
  const lines = [`Result-Status: ${code}`, `Memo: ${percentEncodeUtf8(memo)}`];
  lines.push(`Tips: ${percentEncodeUtf8(tips)}`);
  return {
    memo: memo === '' ? null : Buffer.from(memo),
    tips: tips === '' ? null : Buffer.from(tips),
    httpLines: Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1'),
    body: Buffer.from(JSON.stringify({ resultStatus: code, memo, tips })),
    httpStatus,
  };
}

function encodeAll(language: Language): ReadonlyMap<number, EncodedResult> {
  return new Map(
    RESULT_CODES.map((info) => {
      const { memo, tips } = info[language];
      return [info.code, encodeResult(info.code, info.httpStatus, memo, tips)];
    }),
  );
}

const ENCODED: Readonly<Record<Language, ReadonlyMap<number, EncodedResult>>> = {
  en: encodeAll('en'),
  zh: encodeAll('zh'),
};

/** The default texts of `code`; unknown codes have those of 5000. */
export function encodedResult(code: number, language: Language): EncodedResult {
  const results = ENCODED[language];
  return results.get(code) ?? results.get(ResultCode.unknownError)!;
}
