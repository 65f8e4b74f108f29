// Whether pasted text holds more than one field and must be parsed in Rust. Its content is not read here.

/** Bytes, as in Rust. */
const LONGEST = 64 * 1024;

type Paste = "one_field" | "whole" | "too_long";

export function paste(text: string): Paste {
  const trimmed = text.trim();
  if (!holdsMore(trimmed)) return "one_field";
  return new TextEncoder().encode(trimmed).length > LONGEST ? "too_long" : "whole";
}

/** A CSV file, a `[profile]`, lines that set `AWS_…` for a shell, JSON. A single line without these marks is one field. */
function holdsMore(text: string): boolean {
  if (/^[{[]/.test(text)) return true;
  if (/aws_\w+\s*=/i.test(text)) return true;
  if (/^access key id\s*[,;\t]/i.test(text) || /\bA[KS]IA\w{12,}\s*[,;\t]/.test(text)) return true;
  return /[\r\n]/.test(text) && /[,;\t=]/.test(text);
}
