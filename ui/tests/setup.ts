// What jsdom lacks of a browser, no more than the page uses; and a clean table for each test.
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

// Nothing here hides an element from some and not from others, and to look costs jsdom seconds.
configure({ defaultHidden: true });

// There is no style sheet here, so every element has the same style; jsdom would work it out anew at each look, which is
// most of what a test run costs.
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
