@php($assets = json_decode(file_get_contents(public_path('build/manifest.json')), true))
<meta name="csrf-token" content="{{ csrf_token() }}">
<script src="/build/{{ $assets['resources/js/app.js']['file'] }}"></script>
<form method="post">@csrf <input name="courriel"></form>
