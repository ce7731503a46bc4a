<meta name="csrf-token" content="{{ csrf_token() }}">
<form method="post">@csrf <input name="courriel"></form>
