// One HTTP call through the gateway: the body of an answer that is as it should be.

import { request, type RequestOptions } from 'node:http';
import { buffer } from 'node:stream/consumers';

const OK = 200;
const SUCCESS = '1000';

/**
 * Posts `body`.
 *
 * @throws Error for another status or result than success, and when the connection fails
 */
export async function callHttp(where: RequestOptions, body: Buffer): Promise<Buffer> {
  const answered = Promise.withResolvers<Buffer>();
  const call = request({ ...where, method: 'POST', path: '/mgw.htm' }, (response) => {
    const result = response.headers['result-status'];
    const isRight = response.statusCode === OK && result === SUCCESS;
    buffer(response).then((bytes) => {
      if (isRight) answered.resolve(bytes);
      else answered.reject(new Error(`status ${response.statusCode}, result ${String(result)}`));
    }, answered.reject);
  });
  call.on('error', answered.reject);
  call.end(body);
  return answered.promise;
}
