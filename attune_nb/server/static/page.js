// The page of runs.

document.getElementById("runs").textContent = "no runs yet";
