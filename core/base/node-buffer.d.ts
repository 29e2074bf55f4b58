// Buffer methods that Node has had since version 5 and that its type package leaves out. They are
// the cheapest way between short ASCII text and bytes.

interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
  base64urlSlice(start?: number, end?: number): string;
  base64urlWrite(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
}
