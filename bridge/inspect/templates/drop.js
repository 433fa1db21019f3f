const form = document.forms[0], zone = document.querySelector(".drop");
for (const name of ["dragenter", "dragover", "dragleave", "drop"]) addEventListener(name, event => {
  event.preventDefault();
  zone.classList.toggle("over", name === "dragenter" || name === "dragover");
});
addEventListener("drop", ({dataTransfer}) => {
  if (dataTransfer.files.length) form.elements.file.files = dataTransfer.files;
  else form.elements.text.value = dataTransfer.getData("text");
  form.requestSubmit();
});
