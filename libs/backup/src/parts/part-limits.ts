/**
 * A part is closed before its lines have more bytes than this, unless a single record has. Larger parts are no smaller
 * when stored, and each MiB more has a writer hold nine.
 */
export const PART_BYTES = 2 * 1024 * 1024;

/** The most that the lines of a part have, so the most that a record has. Bounds what a reader has to hold. */
export const MAX_PART_BYTES = 64 * 1024 * 1024;

/** The most that a stored part has: zstd adds a little to what it cannot compress, encryption 32 bytes. */
export const MAX_STORED_BYTES = MAX_PART_BYTES + MAX_PART_BYTES / 128 + 1024;

/** 2 MiB, as zstd takes for its level 3; said here so that a reader knows. */
export const WINDOW_LOG = 21;

/** 8 MiB, which every decoder of zstd has to offer; one that asks for more is no part of ours. */
export const MAX_WINDOW_LOG = 23;
