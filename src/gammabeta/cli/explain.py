"""``gammabeta explain``"""

from gammabeta.cli.terminal import console, grid, print_json


def explain_command(code: str, json: bool) -> None:
    """Print the page of a code, or the table of all."""
    from gammabeta.diagnosis import page, registry

    out = console(beside_json=json)
    if code == "list":
        known = [one.page for one in registry().values()]
        out.print(grid("", ("code", "name", "family"), [(one.code, one.name, one.family) for one in known]))
        if json:
            print_json({one.code: vars(one) for one in known})
        return
    found = page(code)
    out.print(f"[bold]{found.code} {found.name}[/bold] ({found.family})\n")
    out.print(found.what, markup=False)
    parts = {
        "why it hurts": found.why,
        "evidence": found.evidence,
        "what to do": found.do,
        "when to ignore it": found.ignore,
        "sources": found.sources,
    }
    for title, text in parts.items():
        if text:
            out.print(f"\n[bold]{title}[/bold]")
            out.print(text, markup=False)
    if json:
        print_json(vars(found))
