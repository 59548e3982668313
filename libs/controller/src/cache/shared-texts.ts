/** Longer ones are hardly ever the same in two objects. */
const MAX_LENGTH = 256;
/** What objects of one kind have in common: names of namespaces, images and Secrets, reasons and messages. */
const MAX_TEXTS = 2_000;

/**
 * Has equal texts of many objects be one text in memory: JSON gives each object its own. Texts that nobody has used for
 * long are forgotten, so what it holds is bounded.
 */
export class SharedTexts {
  readonly #texts = new Map<string, string>();

  /** Replaces texts within `value`, which is changed. */
  share(value: object): void {
    // No recursion: tenants write objects of thousands of levels.
    const open = [value as Record<string, unknown>];
    for (let container = open.pop(); container; container = open.pop()) {
      for (const key of Object.keys(container)) {
        const part = container[key];
        if (typeof part === 'string') {
          if (part.length <= MAX_LENGTH) container[key] = this.#shared(part);
        } else if (typeof part === 'object' && part !== null) open.push(part as Record<string, unknown>);
      }
    }
  }

  #shared(text: string): string {
    const known = this.#texts.get(text);
    // The one that was used last goes to the end, and who has waited longest is first.
    if (known !== undefined) this.#texts.delete(text);
    else if (this.#texts.size >= MAX_TEXTS) this.#texts.delete(this.#texts.keys().next().value!);
    this.#texts.set(known ?? text, known ?? text);
    return known ?? text;
  }
}
