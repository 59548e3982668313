/**
 * A part is closed before its lines have more bytes than this, unless a single record has. Larger parts are no smaller
 * when stored, and each MiB more has a writer hold nine.
 */
export const PART_BYTES = 2 * 1024 * 1024;

/**
 * The most that the lines of a part have, so the most that a record has. Who reads or writes one holds it twice for a
 * moment, as text and as values, where each of its characters may take two bytes.
 */
export const MAX_PART_BYTES = 16 * 1024 * 1024;

/**
 * The most values that a line has: room for a quarter of a million elements of a job's logs or children, of which a
 * snapshot reads no more (`large-job.ts`), each of them in base64. A shorter line cannot have more.
 */
export const MAX_LINE_VALUES = 800_000;

/** The most that a stored part has: zstd adds a little to what it cannot compress, encryption 32 bytes. */
export const MAX_STORED_BYTES = MAX_PART_BYTES + MAX_PART_BYTES / 128 + 1024;

/** 2 MiB, as zstd takes for its level 3; said here so that a reader knows. */
export const WINDOW_LOG = 21;

/** 8 MiB, which every decoder of zstd has to offer; one that asks for more is no part of ours. */
export const MAX_WINDOW_LOG = 23;
