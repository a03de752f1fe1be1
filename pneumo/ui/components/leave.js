// A reload starts a session anew, without the files dropped in this one.
export default function ({ data }) {
  window.onbeforeunload = data.ask ? (event) => event.preventDefault() : null;
}
