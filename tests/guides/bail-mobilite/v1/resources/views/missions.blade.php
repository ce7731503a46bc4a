Ops 1.4 : {{ $missions }} missions
