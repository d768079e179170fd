/** Names that nobody can guess and nobody has to quote in a shell. */
import { randomBytes } from "node:crypto";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

export type RandomBytes = (size: number) => Uint8Array;

/** `length` characters of 0-9, A-Z, a-z, each equally likely. */
export function randomAlphanumerics(length: number, random: RandomBytes = randomBytes): string {
  let text = "";
  while (text.length < length) {
    // 248 = 4 · 62: bytes above it would make the first letters likelier.
    const fair = [...random(length)].filter((byte) => byte < 248);
    text += fair.map((byte) => alphabet[byte % alphabet.length]).join("");
  }
  return text.slice(0, length);
}

export const newJobId = (random?: RandomBytes): string => `job_${randomAlphanumerics(24, random)}`;
export const newRequestId = (random?: RandomBytes): string => `req_${randomAlphanumerics(24, random)}`;
export const newCompletionId = (random?: RandomBytes): string => `chatcmpl-${randomAlphanumerics(24, random)}`;
export const newTextCompletionId = (random?: RandomBytes): string => `cmpl-${randomAlphanumerics(24, random)}`;
export const newFineTuningJobId = (random?: RandomBytes): string => `ftjob-${randomAlphanumerics(24, random)}`;
export const newFileId = (random?: RandomBytes): string => `file-${randomAlphanumerics(24, random)}`;
export const newUploadId = (random?: RandomBytes): string => `upload_${randomAlphanumerics(24, random)}`;
export const newPartId = (random?: RandomBytes): string => `part_${randomAlphanumerics(24, random)}`;
export const newPermissionId = (random?: RandomBytes): string => `cp_${randomAlphanumerics(24, random)}`;
export const newProjectId = (random?: RandomBytes): string => `proj_${randomAlphanumerics(24, random)}`;
