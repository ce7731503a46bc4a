Liste électorale : {{ $inscrits }} inscrits
