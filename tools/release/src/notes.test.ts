import { describe, expect, it } from 'vitest';
import { changelogSection, releaseNotes } from './notes.ts';

const CHANGELOG = `# Changelog

## [Unreleased]

### Added

- A thing.

## [0.2.0] - 2026-02-03

### Fixed

- Another.

## [0.1.0] - 2026-01-01

[Unreleased]: https://example.com/compare
[0.2.0]: https://example.com/0.2.0
`;

describe('the section of a version', () => {
  it('ends where the next begins, without heading and link references', () => {
    expect(changelogSection(CHANGELOG, '0.2.0')).toEqual({ heading: '0.2.0', text: '### Fixed\n\n- Another.' });
  });

  it('is the unreleased one, where the version has none yet', () => {
    expect(changelogSection(CHANGELOG, '0.3.0')).toEqual({ heading: 'Unreleased', text: '### Added\n\n- A thing.' });
  });

  it('must not be empty', () => {
    expect(() => changelogSection(CHANGELOG, '0.1.0')).toThrow('"0.1.0" of CHANGELOG.md is empty');
    expect(() => changelogSection('# Changelog\n', '0.1.0')).toThrow('neither for 0.1.0 nor');
  });
});

describe('the notes', () => {
  const facts = {
    version: '0.2.0',
    commit: 'abc',
    dirty: false,
    base: 'a base',
    platform: 'linux/amd64',
    files: ['images/a.tar'],
  };

  it('say what changed, what they were built from and on what the images stand', () => {
    const notes = releaseNotes(CHANGELOG, facts);
    expect(notes).toContain('- Another.');
    expect(notes).toContain('from commit abc.');
    expect(notes).toContain('stand on a base.');
    expect(notes).toContain('- `images/a.tar`');
    expect(notes).not.toContain('Not released');
  });

  it('do not call something a release that is not one', () => {
    expect(releaseNotes(CHANGELOG, { ...facts, version: '0.3.0' })).toContain('Not released');
    expect(releaseNotes(CHANGELOG, { ...facts, dirty: true })).toContain('not committed');
  });
});
