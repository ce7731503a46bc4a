Ops 2.0 : {{ $missions }} missions avec bail
