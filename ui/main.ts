// Puts the page into its window.
import { mount } from "svelte";
import "./look.css";
import App from "./App.svelte";

mount(App, { target: document.body });
