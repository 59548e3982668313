// oxlint-disable-next-line typescript/triple-slash-reference -- ambient types that must follow this file into other projects
/// <reference path="./undici-parts.d.ts" />
import type { Dispatcher } from 'undici';
import DecoratorHandler from 'undici/lib/handler/decorator-handler.js';

/**
 * Calls `guard` before each request that writes, when it has its connection and is about to be sent: a request may have
 * waited for that longer than its sender may still write. What `guard` throws is thrown by the request, and nothing is
 * sent.
 */
export function guardWrites(dispatcher: Dispatcher, guard: () => void): Dispatcher {
  return dispatcher.compose(
    (dispatch) => (options, handler) =>
      dispatch(options, options.method === 'GET' ? handler : new GuardedHandler(handler, guard)),
  );
}

class GuardedHandler extends DecoratorHandler {
  readonly #guard: () => void;

  constructor(handler: Dispatcher.DispatchHandler, guard: () => void) {
    super(handler);
    this.#guard = guard;
  }

  /** undici fails the request with what is thrown here; see "onRequestStart" in its docs of Dispatcher. */
  override onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#guard();
    super.onRequestStart(controller, context);
  }
}
