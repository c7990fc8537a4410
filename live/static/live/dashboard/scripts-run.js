/**
 * Says to the style sheet that scripts run: so charts have their place from the first paint on, and
 * none where nothing would draw them. Loaded in the head, before anything is shown.
 */
document.documentElement.classList.add("scripts-run");
