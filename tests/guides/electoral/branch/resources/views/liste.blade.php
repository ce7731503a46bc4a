Liste électorale : {{ $inscrits }} inscrits dans {{ Illuminate\Support\Facades\DB::table('bureaux')->count() }} bureaux
