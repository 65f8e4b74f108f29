// What the page uses of a browser and jsdom lacks; and a fresh start for each test.
import { cleanup, configure } from "@testing-library/svelte";
import { clearMocks } from "@tauri-apps/api/mocks";
import { afterEach, beforeEach, vi } from "vitest";
import { announcement } from "../announcement.svelte";

HTMLDialogElement.prototype.showModal = function () {
  this.setAttribute("open", "");
};
HTMLDialogElement.prototype.close = function () {
  this.removeAttribute("open");
};
HTMLCanvasElement.prototype.getContext = () => null;
Element.prototype.scrollTo = () => undefined;
Element.prototype.scrollIntoView = () => undefined;

// Everything is near in a window without a size.
window.IntersectionObserver = class implements IntersectionObserver {
  readonly root = null;
  readonly rootMargin = "";
  readonly scrollMargin = "";
  readonly thresholds = [];
  constructor(private readonly callback: IntersectionObserverCallback) {}
  observe() {
    queueMicrotask(() => this.callback([{ isIntersecting: true } as IntersectionObserverEntry], this));
  }
  takeRecords = () => [];
  unobserve = () => undefined;
  disconnect = () => undefined;
};

// No element is hidden from screen readers alone, and the check costs jsdom seconds.
configure({ defaultHidden: true });

// Without a style sheet every element has the same style; jsdom would compute it again each time, which is most of the cost
// of a test run.
const computed = window.getComputedStyle.bind(window);
const plain = computed(document.createElement("p"));
const unseen = computed(document.head);
window.getComputedStyle = (element) => (element.closest("head, datalist, script") ? unseen : plain);

beforeEach(() => {
  localStorage.clear();
});

afterEach(() => {
  vi.useRealTimers();
  cleanup();
  announcement.clear();
  clearMocks();
});
