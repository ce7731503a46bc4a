<form method="post">@csrf <input name="nom"> <!-- csrf --></form>
