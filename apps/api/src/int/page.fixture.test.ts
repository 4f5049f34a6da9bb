/*
 * As much of a browser as the console's modules use: elements that keep their text, attributes and listeners, a page
 * with the places that index.html has, and streams that a test feeds by hand.
 */
type Listener = (event: unknown) => void;

export class FakeElement {
  readonly children: (FakeElement | string)[] = [];
  readonly attributes = new Map<string, string>();
  readonly listeners = new Map<string, Listener>();
  className = '';
  hidden = false;

  constructor(readonly tagName: string) {}

  get textContent(): string {
    return this.children.map((child) => (typeof child === 'string' ? child : child.textContent)).join('');
  }
  set textContent(text: string) {
    this.replaceChildren(text);
  }

  append(...nodes: (FakeElement | string)[]): void {
    this.children.push(...nodes);
  }
  prepend(...nodes: (FakeElement | string)[]): void {
    this.children.unshift(...nodes);
  }
  replaceChildren(...nodes: (FakeElement | string)[]): void {
    this.children.splice(0, this.children.length, ...nodes);
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }
  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  addEventListener(type: string, listener: Listener): void {
    this.listeners.set(type, listener);
  }
  focus(): void {
    // Nothing to see in a test.
  }

  all(tagName: string): FakeElement[] {
    const below = this.children.filter((child) => child instanceof FakeElement);
    return below.flatMap((child) => [...(child.tagName === tagName ? [child] : []), ...child.all(tagName)]);
  }

  click(): void {
    this.listeners.get('click')?.({});
  }
}

export class FakeEventSource {
  static readonly opened: FakeEventSource[] = [];
  readonly #listeners = new Map<string, Listener>();
  closed = false;

  constructor(readonly url: string) {
    FakeEventSource.opened.push(this);
  }
  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, listener);
  }
  close(): void {
    this.closed = true;
  }
  send(type: string, data: unknown): void {
    this.#listeners.get(type)?.({ data: JSON.stringify(data) });
  }
}

export interface FakePage {
  readonly main: FakeElement;
  readonly trouble: FakeElement;
  readonly who: FakeElement;
  /** Goes to another address within the page. */
  go(hash: string): void;
}

/** Puts the page into the globals that browser code expects; `request` stands for the browser's way to the server. */
export function openPage(hash: string, request: (path: string, init: RequestInit) => Promise<Response>): FakePage {
  const places = new Map(['main', 'trouble', 'who', 'sign-out'].map((id) => [id, new FakeElement(id)]));
  const listeners = new Map<string, Listener>();
  const location = { hash, reload: () => undefined, assign: () => undefined };
  Object.assign(globalThis, {
    document: {
      createElement: (tagName: string) => new FakeElement(tagName),
      getElementById: (id: string) => places.get(id) ?? null,
      querySelectorAll: () => [],
    },
    window: {
      addEventListener: (type: string, listener: Listener) => listeners.set(type, listener),
      confirm: () => true,
    },
    location,
    fetch: (path: string, init: RequestInit = {}) => request(path, init),
    EventSource: FakeEventSource,
  });
  return {
    main: places.get('main')!,
    trouble: places.get('trouble')!,
    who: places.get('who')!,
    go: (next) => {
      location.hash = next;
      listeners.get('hashchange')?.({});
    },
  };
}
