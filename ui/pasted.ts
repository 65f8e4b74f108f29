// Whether pasted text holds more than one field and must be parsed in Rust. Its content is not read here.

/** Bytes, as in Rust. */
const LONGEST = 64 * 1024;

type Paste = "one_field" | "whole" | "too_long";

export function paste(text: string): Paste {
  const trimmed = text.trim();
  if (!holdsMore(trimmed)) return "one_field";
  return new TextEncoder().encode(trimmed).length > LONGEST ? "too_long" : "whole";
}

/** A CSV file, a `[profile]`, `export AWS_…` lines, JSON. A single line without these marks is one field. */
function holdsMore(text: string): boolean {
  if (/^[{[]/.test(text)) return true;
  if (/aws_\w+\s*=/i.test(text)) return true;
  if (/^access key id\s*,/i.test(text) || /\bA[KS]IA\w{12,}\s*,/.test(text)) return true;
  return text.includes("\n") && /[,=]/.test(text);
}
