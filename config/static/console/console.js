// Local and relative times, parts of a page that refresh themselves, and texts to copy.
"use strict"

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]]
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" })

function relativeTime(at) {
    const seconds = Math.round((at - Date.now()) / 1000)
    for (const [unit, size] of UNITS) {
        if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit)
    }
    return seconds < 0 ? "just now" : "in a moment"
}

function showTimes() {
    for (const element of document.querySelectorAll("time[datetime]")) {
        const at = new Date(element.dateTime)
        element.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" })
        element.dataset.relative = relativeTime(at)
    }
}

async function refresh(part) {
    if (document.hidden) return
    const response = await fetch(part.dataset.refresh).catch(() => null)
    if (!response || !response.ok || response.redirected) {
        part.classList.add("console-stale")
        return
    }
    const focused = part.contains(document.activeElement) && document.activeElement.href
    const html = await response.text()
    part.classList.remove("console-stale")
    if (part.innerHTML === html) return
    part.innerHTML = html
    showTimes()
    for (const link of part.querySelectorAll("a")) {
        if (focused && link.href === focused) {
            link.focus()
            break
        }
    }
}

async function copy(button) {
    await navigator.clipboard.writeText(button.dataset.copy)
    button.textContent = "Copied"
}

document.addEventListener("DOMContentLoaded", () => {
    showTimes()
    setInterval(showTimes, 15000)
    for (const part of document.querySelectorAll("[data-refresh]")) {
        setInterval(() => refresh(part), 1000 * part.dataset.refreshS)
        document.addEventListener("visibilitychange", () => refresh(part))
    }
})
document.addEventListener("click", event => {
    const button = event.target.closest("[data-copy]")
    if (button) copy(button)
})
