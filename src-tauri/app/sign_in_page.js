// In every frame of an identity provider's page: the form that would go to AWS's sign-in address is
// handed over instead, as that address with the assertion behind it. Nothing is sent there.
(() => {
  const AWS = /^https:\/\/([a-z0-9-]+\.)*signin\.(aws\.amazon\.com|amazonaws\.cn|amazonaws-us-gov\.com)\/saml([/?#]|$)/;
  const submit = HTMLFormElement.prototype.submit;
  const isHandedOver = (form, button) => {
    const given = button?.getAttribute("formaction") ?? form.getAttribute("action") ?? "";
    let address;
    try {
      address = new URL(given, document.baseURI).href;
    } catch {
      // The page's own matter.
      return false;
    }
    const assertion = new FormData(form).get("SAMLResponse");
    if (!AWS.test(address) || typeof assertion !== "string") return false;
    location.href = `${address.replace(/[?#].*/s, "")}#SAMLResponse=${encodeURIComponent(assertion)}`;
    return true;
  };
  HTMLFormElement.prototype.submit = function () {
    if (!isHandedOver(this)) submit.call(this);
  };
  addEventListener(
    "submit",
    (event) => {
      if (!isHandedOver(event.target, event.submitter)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
})();
