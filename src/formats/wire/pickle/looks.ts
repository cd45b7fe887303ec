import type { PyBytes } from './values.ts';

/** First characters of pickles and of compressed data in base64, and in hex. */
const CODED =
  /^(?:gA[A-X]|eJ|eN|eA[EF]|eF|H4sI|Y[2-3]|KF?[SLN]|Qlpo)[A-Za-z0-9+/_=\r\n-]{8,}|^(?:0x|\\x)?(?:80[ \\x]*0[0-5]|63[2-7]|1f8b|789c|78da|7801|785e)[0-9a-f \\x]{12,}/i;
const PROTOCOL_0 = /^(?:\(|[Idlp0-9\n]*)?[ci][\w.]{1,100}\n[\w.]{1,200}\n/;

/** What any of these can begin with. */
const FIRST = new Set([...'gGeEHhYyKkQq06\\78cCiI(dlp19\nBx'].map((one) => one.charCodeAt(0)));
FIRST.add(0x80).add(0x1f);
for (let digit = 0x30; digit <= 0x39; digit += 1) FIRST.add(digit);

/** Whether a text or byte string may itself be a pickle: raw, compressed, or in base64 or hex. Cheap. */
export function looksPickled(value: string | PyBytes): boolean {
  if (typeof value === 'string') {
    if (value.length < 8 || !FIRST.has(value.charCodeAt(0))) return false;
    const head = value.slice(0, 400);
    return looksRaw(head.charCodeAt(0), head.charCodeAt(1)) || CODED.test(head) || PROTOCOL_0.test(head);
  }
  // NumPy's numbers have eight bytes, and a name that is called takes more.
  if (value.length < 9) return false;
  if (looksRaw(value.data[0] ?? 0, value.data[1] ?? 0)) return true;
  const head = Buffer.from(value.data.subarray(0, 400)).toString('latin1');
  return CODED.test(head) || PROTOCOL_0.test(head);
}

function looksRaw(first: number, second: number): boolean {
  if (first === 0x80 && second <= 5) return true;
  if (first === 0x78 && (first * 256 + second) % 31 === 0) return true;
  return (first === 0x1f && second === 0x8b) || (first === 0x42 && second === 0x5a);
}
