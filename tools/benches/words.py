"""What the benches say alike."""


def figure(value):
    return f"{value:,.3f}" if value < 10 else f"{value:,.0f}"


def laboratory(parser, seconds=3, rounds=3):
    """The options of benches that run in the lab."""
    parser.add_argument("--seconds", type=int, default=seconds, help=f"of each measurement (default: {seconds})")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"of which the medians are taken (default: {rounds})")
    parser.add_argument("--workers", type=int, default=1, help="of Weir (default: 1)")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    parser.set_defaults(needs_root=True)


def in_turn(number, middles):
    """Who goes first changes from round to round, so that a machine that slows down slows all."""
    return middles[number % len(middles):] + middles[:number % len(middles)]
